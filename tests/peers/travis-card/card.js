// SPDX-License-Identifier: Apache-2.0
// The overview card of an entity whose builds are those of slug, or, as tab, what is
// behind it, which has an icon to restart them.
import {
	EntityTravisCIOverviewCard, Router, travisciPlugin,
} from '@roadiehq/backstage-plugin-travis-ci';
import { showPage } from './app.js';

export function show({ slug, tab, ...page }) {
	showPage({ ...page, plugins: [travisciPlugin],
		content: tab ? Router : EntityTravisCIOverviewCard,
		entity: {
			apiVersion: 'backstage.io/v1alpha1',
			kind: 'Component',
			metadata: { name: 'shown', annotations: { 'travis-ci.com/repo-slug': slug } },
		} });
}
